import { hrefOf, oneOf, text, type Values } from '@/url/params';

export const views = ['list', 'map', 'changes'] as const;
export type View = (typeof views)[number];

export const groupings = ['namespace', 'target', 'source', 'env', 'owner', 'driver'] as const;
export type Grouping = (typeof groupings)[number];

/** What the API sorts by; "worst" is those that need a person first. */
export const sorts = [
  'worst',
  'name',
  '-name',
  'changed',
  '-changed',
  'source',
  '-source',
  'target',
  '-target',
  'env',
  '-env',
  'owner',
  '-owner',
] as const;
export type Sort = (typeof sorts)[number];

/** All that the address of the fleet says. */
export const fleetParams = {
  view: oneOf(views, 'list'),
  q: text(),
  group: oneOf(groupings, 'namespace'),
  sort: oneOf(sorts, 'worst'),
};

export type FleetParams = Values<typeof fleetParams>;

export const fleetHref = (values: Partial<FleetParams>): string => hrefOf('/fleet', fleetParams, values);

/** The command that shows the same. */
export const fleetCli = (q: string): string =>
  q === '' ? 'lockstep list stacks' : `lockstep list stacks ${shellQuoted(q)}`;

/** Quoted for a shell where that is needed. */
export const shellQuoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
