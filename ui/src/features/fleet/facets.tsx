import { ChevronDown, X } from 'lucide-react';
import type { Facets } from '@/api/types';
import { asksFor, toggle, valuesOf, without } from '@/filter/grammar';
import { count } from '@/format/count';
import { Button } from '@/parts/button';
import { Menu } from '@/parts/menu';
import { HealthMark, StepMark } from '@/parts/status-mark';

const fields: { field: keyof Facets; title: string }[] = [
  { field: 'health', title: 'Health' },
  { field: 'step', title: 'Step' },
  { field: 'env', title: 'Env' },
  { field: 'target', title: 'Target' },
  { field: 'namespace', title: 'Namespace' },
  { field: 'source', title: 'Source' },
  { field: 'driver', title: 'Driver' },
  { field: 'owner', title: 'Owner' },
];

/** Values to narrow by, with how many Stacks have each; they write into the filter. */
export function FacetBar({
  facets,
  q,
  onChange,
}: {
  facets: Facets | undefined;
  q: string;
  onChange(q: string): void;
}) {
  return (
    <div className="flex flex-wrap gap-1">
      {fields.map(({ field, title }) => {
        const values = facets?.[field] ?? [];
        const asked = valuesOf(q, field);
        // One value for all narrows nothing.
        if (asked.length === 0 && values.length < 2) return null;
        return (
          <Menu
            key={field}
            look="bare"
            align="start"
            className={asked.length > 0 ? 'bg-picked text-text!' : undefined}
            label={
              <>
                {title}
                {asked.length > 0 && <span className="max-w-32 truncate font-normal">{asked.join(', ')}</span>}
                <ChevronDown size={12} aria-hidden />
              </>
            }
            items={[
              {
                kind: 'ticks',
                options: values.map((v) => ({
                  label:
                    field === 'health' ? (
                      <HealthMark health={v.value} />
                    ) : field === 'step' ? (
                      <StepMark step={v.value} />
                    ) : (
                      v.value
                    ),
                  aside: count(v.count),
                  on: asksFor(q, field, v.value),
                  onChange: () => onChange(toggle(q, field, v.value)),
                })),
              },
              asked.length > 0 && { kind: 'line' },
              asked.length > 0 && { kind: 'item', label: 'Any', onClick: () => onChange(without(q, field)) },
            ]}
          />
        );
      })}
      {q !== '' && (
        <Button look="bare" onClick={() => onChange('')}>
          <X size={12} aria-hidden /> Clear
        </Button>
      )}
    </div>
  );
}
