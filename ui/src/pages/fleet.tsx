import { Empty } from '@/parts/empty';
import { usePage } from '@/shell/page';

export default function Fleet() {
  usePage({ crumbs: [{ label: 'Fleet' }], cli: 'lockstep list stacks' });
  return <Empty title="Fleet" />;
}
