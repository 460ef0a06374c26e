/**
 * Operations that the contract does not have yet, in the shape that they are
 * planned in. Each goes away when api/openapi.yaml brings it.
 */
type Get<Answer> = {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  get: {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    requestBody?: never;
    responses: { 200: { headers: { [name: string]: unknown }; content: { 'application/json': Answer } } };
  };
  put?: never;
  post?: never;
  delete?: never;
  options?: never;
  head?: never;
  patch?: never;
  trace?: never;
};

export interface Providers {
  providers: { id: string; name: string }[];
  /** Whether the local admin may sign in by a one-time link. */
  local: boolean;
}

export interface Planned {
  '/api/v1/auth/providers': Get<Providers>;
}
