import { lasted } from '@/format/time';
import { type Leg, legs, type Release } from './timeline';

const tones = ['bg-line', 'bg-edge', 'bg-info', 'bg-accent', 'bg-warn', 'bg-ok'];

/** From commit to healthy, split by step; in words for who does not see the bar. */
export function LeadBar({ of, median }: { of: Release['steps']; median?: number }) {
  const all = legs(of);
  const whole = all.reduce((sum, leg) => sum + leg.ms, 0);
  if (all.length === 0 || whole === 0) return null;
  const words = all.map((leg) => `${leg.name} ${lasted(leg.ms)}`).join(', ');
  const usual = median ? `; half of those shown took no longer than ${lasted(median)}` : '';
  return (
    <span className="inline-flex items-center gap-2" title={`${words}${usual}`}>
      <span aria-hidden className="flex h-2 w-40 overflow-hidden rounded">
        {all.map((leg: Leg, i) => (
          <span key={leg.name} className={`min-w-0.5 ${tones[i % tones.length]}`} style={{ flexGrow: leg.ms }} />
        ))}
      </span>
      <span className="min-w-16 text-right">{lasted(whole)}</span>
      <span className="unseen">{words}</span>
    </span>
  );
}
