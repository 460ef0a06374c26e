import type { components } from '@/gen/api';

type Schemas = components['schemas'];

export type Resource = Schemas['Resource'];
export type Resources = Schemas['Resources'];
export type ObjectDetail = Schemas['ObjectDetail'];
export type FieldState = Schemas['FieldState'];
export type Difference = Schemas['Difference'];
export type Differences = Schemas['Differences'];
export type Action = Schemas['Action'];
export type ClusterEvent = Schemas['ClusterEvent'];
export type LogLine = Schemas['LogLine'];
export type StackDetail = Schemas['StackDetail'];
export type Comparison = Schemas['Comparison'];
export type ReleaseRow = Schemas['ReleaseRow'];

export interface StackName {
  namespace: string;
  name: string;
}
