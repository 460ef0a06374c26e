import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { api, sent } from '@/api/client';
import { type CardId, cards, fold, nothing, type Progress } from './cards';

interface Read extends Progress {
  /** Up to where the record was read. */
  cursor: string | undefined;
}

/** How often the record is looked at: a refusal is in no stream of events. */
const pause = 1_500;

/** Which cards really happened: what the record says, from where it was read last. */
export function useProgress(): { done: ReadonlySet<CardId>; error: unknown } {
  const query = useQuery({
    queryKey: ['welcome'],
    queryFn: async ({ client, queryKey, signal }) => {
      let now = client.getQueryData<Read>(queryKey) ?? { ...nothing, cursor: undefined };
      for (;;) {
        const page = await sent(
          api.GET('/api/v1/audit', {
            params: {
              query: { kind: ['release', 'heal', 'call', 'rollback'], order: 'oldest', limit: 500, cursor: now.cursor },
            },
            signal,
          }),
        );
        now = { ...fold(now, page.items), cursor: page.next || page.head };
        if (!page.next) return now;
      }
    },
    refetchInterval: ({ state }) => (state.data?.done.size === cards.length ? false : pause),
    structuralSharing: false,
    staleTime: 0,
    gcTime: 0,
  });
  return { done: query.data?.done ?? nothing.done, error: query.error };
}

const key = 'lockstep.welcome.skipped';

function kept(): ReadonlySet<string> {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return new Set(Array.isArray(read) ? read.map(String) : []);
  } catch {
    return new Set();
  }
}

/** What somebody does not want to try, which only their browser knows. */
export function useSkipped(): [skipped: ReadonlySet<string>, skip: (id: CardId) => void] {
  const [skipped, set] = useState(kept);
  const skip = useCallback((id: CardId) => {
    set((old) => {
      const next = new Set([...old, id]);
      try {
        localStorage.setItem(key, JSON.stringify([...next]));
      } catch {
        // Skipped on this page only.
      }
      return next;
    });
  }, []);
  return [skipped, skip];
}
