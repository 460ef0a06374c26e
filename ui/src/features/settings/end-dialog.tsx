import { Button } from '@/parts/button';
import { Cli } from '@/parts/cli';
import { Dialog } from '@/parts/dialog';
import { ProblemPanel } from '@/parts/problem-panel';

interface EndDialogProps {
  title: string;
  about: string;
  verb: string;
  cli?: string;
  busy: boolean;
  problem: unknown;
  onEnd(): void;
  onClose(): void;
}

/** Asks once before something ends that cannot be taken back. */
export default function EndDialog({ title, about, verb, cli, busy, problem, onEnd, onClose }: EndDialogProps) {
  return (
    <Dialog
      open
      size="small"
      onOpenChange={onClose}
      title={title}
      about={about}
      actions={
        <>
          <Button onClick={onClose}>Leave it</Button>
          <Button look="danger" disabled={busy} onClick={onEnd}>
            {verb}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        {problem !== undefined && <ProblemPanel of={problem} />}
        {cli && (
          <div>
            <Cli line={cli} />
          </div>
        )}
      </div>
    </Dialog>
  );
}
