import type { components } from '@/gen/api';

type Schemas = components['schemas'];

/** The contract's types by short names; all follow from api/openapi.yaml. */
export type StackRow = Schemas['StackRow'];
export type StackDetail = Schemas['StackDetail'];
export type StackPage = Schemas['StackPage'];
export type StackMap = Schemas['StackMap'];
export type MapState = Schemas['MapState'];
export type Counts = Schemas['Counts'];
export type Facets = Schemas['Facets'];
export type Flow = Schemas['Flow'];
export type Attention = StackRow['attention'];
export type Health = StackRow['health'];
export type Step = StackRow['step'];
export type Me = Schemas['Me'];
/** What the stream says, by the name of the event. */
export type EventData = Required<Schemas['Event']>;
export type SourceRow = Schemas['SourceRow'];
export type TargetRow = Schemas['TargetRow'];
export type AuditEntry = Schemas['AuditEntry'];
export type AuditPage = Schemas['AuditPage'];
export type AuditVerdict = Schemas['AuditVerdict'];
export type AccessAnswer = Schemas['AccessAnswer'];
export type Grant = Schemas['Grant'];
export type Verb = Schemas['VerbAnswer']['verb'];
export type Session = Schemas['Session'];
export type Token = Schemas['Token'];
