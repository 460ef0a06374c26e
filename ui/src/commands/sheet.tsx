import { useState } from 'react';
import { Kbd } from '@/parts/button';
import { Dialog } from '@/parts/dialog';
import { overlays } from '@/shell/overlays';
import { type Command, useAllCommands } from './commands';
import { keysOf, setSingleKeys, singleKeys } from './keys';

const order: Command['group'][] = ['Go', 'This page', 'Selection', 'Look', 'Help'];

/** `?`: every key that does something here. */
export default function KeySheet() {
  const all = useAllCommands().filter((c) => keysOf(c).length > 0);
  const [on, setOn] = useState(singleKeys());
  return (
    <Dialog open onOpenChange={(open) => !open && overlays.close()} title="Keyboard" about="What works on this page.">
      <div className="columns-1 gap-8 sm:columns-2">
        {order.map((group) => {
          const shown = all.filter((c) => c.group === group);
          if (shown.length === 0) return null;
          return (
            <section key={group} className="mb-4 break-inside-avoid">
              <h3 className="mb-1 text-sm text-muted">{group}</h3>
              <ul>
                {shown.map((c) => (
                  <li key={c.id} className="flex h-7 items-center gap-2">
                    <span className="flex-1 truncate">{c.label}</span>
                    {keysOf(c).map((keys) => (
                      <span key={keys} className="flex gap-0.5">
                        {keys.split(' ').map((k, i) => (
                          // biome-ignore lint/suspicious/noArrayIndexKey: the same key may come twice
                          <Kbd key={i}>{printed(k)}</Kbd>
                        ))}
                      </span>
                    ))}
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
      </div>
      <label className="mt-2 flex items-center gap-2 border-t border-line pt-3">
        <input
          type="checkbox"
          checked={on}
          className="size-4 accent-accent"
          onChange={(e) => {
            setSingleKeys(e.target.checked);
            setOn(e.target.checked);
          }}
        />
        Keys without Ctrl or ⌘<span className="text-muted">off, if you use speech input or press keys by accident</span>
      </label>
    </Dialog>
  );
}

const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);
const names: Record<string, string> = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc' };

const printed = (key: string): string => {
  const bare = key.replace(/^mod\+/, '');
  const name = names[bare] ?? (key !== bare ? bare.toUpperCase() : bare);
  return key === bare ? name : `${mac ? '⌘' : 'Ctrl '}${name}`;
};
