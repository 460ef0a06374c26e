import type { ComponentProps } from 'react';
import { Button } from '@/parts/button';
import { toast } from '@/parts/toast';

type Verbs = Record<string, { allowed: boolean; reason?: string }> | undefined;

/** Why a person may not do something; undefined if they may, or while nobody knows. */
export function refusal(verbs: Verbs, verb: string): string | undefined {
  const answer = verbs?.[verb];
  if (!answer || answer.allowed) return undefined;
  return answer.reason || `You need the verb ${verb} on this stack.`;
}

/**
 * A button that says why it does nothing. It keeps the focus and the pointer: one that
 * is disabled outright could be neither reached nor asked.
 */
export function MayButton({ refused, onClick, title, ...rest }: ComponentProps<typeof Button> & { refused?: string }) {
  return (
    <Button
      {...rest}
      aria-disabled={refused ? true : undefined}
      title={refused ?? title}
      onClick={(e) => (refused ? toast('Not allowed', { about: refused }) : onClick?.(e))}
    />
  );
}
