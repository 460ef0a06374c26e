import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';
import { count } from '@/format/count';

export interface TabOption<T extends string> {
  value: T;
  label: string;
  count?: number;
}

interface TabsProps<T extends string> {
  value: NoInfer<T>;
  onChange(value: NoInfer<T>): void;
  options: readonly TabOption<T>[];
  label: string;
  /** The panel of the chosen tab. */
  children: ReactNode;
}

/** Tabs of a page; which one is chosen belongs into the URL. */
export function Tabs<const T extends string>({ value, onChange, options, label, children }: TabsProps<T>) {
  return (
    <Base.Root value={value} onValueChange={(v) => onChange(v as T)} className="flex min-h-0 flex-1 flex-col">
      <Base.List
        aria-label={label}
        activateOnFocus={false}
        className="flex shrink-0 gap-1 overflow-x-auto border-b border-line"
      >
        {options.map((o) => (
          <Base.Tab
            key={o.value}
            value={o.value}
            className="-mb-px flex h-9 items-center gap-1.5 border-b-2 border-transparent px-2.5 whitespace-nowrap text-muted outline-offset-[-2px] hover:text-text data-active:border-accent data-active:font-medium data-active:text-text"
          >
            {o.label}
            {o.count !== undefined && <span className="text-sm text-muted">{count(o.count)}</span>}
          </Base.Tab>
        ))}
      </Base.List>
      <Base.Panel value={value} className="flex min-h-0 flex-1 flex-col outline-none">
        {children}
      </Base.Panel>
    </Base.Root>
  );
}
