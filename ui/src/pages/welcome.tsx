import { Empty } from '@/parts/empty';
import { usePage } from '@/shell/page';

export default function Welcome() {
  usePage({ crumbs: [{ label: 'Welcome' }] });
  return <Empty title="Welcome" />;
}
