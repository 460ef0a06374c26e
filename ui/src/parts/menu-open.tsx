import { Menu as Base } from '@base-ui/react/menu';
import { Check } from 'lucide-react';
import { buttonClass, Kbd } from './button';
import type { MenuEntry, MenuProps } from './menu';

/** The menu itself, open from the start: it is mounted because somebody asked for it. */
export default function OpenMenu({ label, name, look = 'plain', className, align = 'end', items }: MenuProps) {
  return (
    <Base.Root defaultOpen modal={false}>
      <Base.Trigger className={buttonClass(look, className)} aria-label={name}>
        {label}
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} align={align} className="z-50">
          <Base.Popup className="max-h-[min(420px,70vh)] min-w-44 max-w-88 overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-float outline-none">
            {items.map((entry, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a menu do not change places
              <Line key={i} of={entry} />
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const item =
  'flex min-h-7 cursor-pointer items-center gap-2 rounded-md px-2 outline-none select-none data-highlighted:bg-hover data-disabled:opacity-50';

const tick = <Check size={14} aria-hidden className="text-accent" />;

function Line({ of }: { of: MenuEntry | false | undefined }) {
  if (!of) return null;
  switch (of.kind) {
    case 'line':
      return <Base.Separator className="mx-1 my-1 h-px bg-line" />;
    case 'text':
      return <div className="truncate px-2 pt-1 pb-1.5 text-muted">{of.label}</div>;
    case 'item':
      return (
        <Base.Item className={item} onClick={of.onClick} disabled={of.disabled}>
          <span className="flex flex-1 items-center gap-2">{of.label}</span>
          {of.hint && <Kbd>{of.hint}</Kbd>}
        </Base.Item>
      );
    case 'choice':
      return (
        <Base.Group>
          <Base.GroupLabel className="px-2 pt-1 pb-0.5 text-xs text-muted">{of.title}</Base.GroupLabel>
          <Base.RadioGroup value={of.value} onValueChange={(v) => of.onChange(v as string)}>
            {of.options.map((o) => (
              <Base.RadioItem key={o.value} value={o.value} closeOnClick className={item}>
                <span className="flex-1">{o.label}</span>
                <Base.RadioItemIndicator>{tick}</Base.RadioItemIndicator>
              </Base.RadioItem>
            ))}
          </Base.RadioGroup>
        </Base.Group>
      );
    case 'ticks':
      return (
        <Base.Group>
          {of.title && <Base.GroupLabel className="px-2 pt-1 pb-0.5 text-xs text-muted">{of.title}</Base.GroupLabel>}
          {of.options.map((o, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they do not change places while the menu is open
            <Base.CheckboxItem key={i} checked={o.on} onCheckedChange={o.onChange} className={item}>
              <span className="flex w-4 justify-center">
                <Base.CheckboxItemIndicator>{tick}</Base.CheckboxItemIndicator>
              </span>
              <span className="min-w-0 flex-1 truncate">{o.label}</span>
              {o.aside !== undefined && <span className="text-muted">{o.aside}</span>}
            </Base.CheckboxItem>
          ))}
        </Base.Group>
      );
  }
}
