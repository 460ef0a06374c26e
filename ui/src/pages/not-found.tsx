import { useLocation } from 'wouter';
import { ButtonLink } from '@/parts/button';
import { Empty } from '@/parts/empty';
import { usePage } from '@/shell/page';

/** An address that leads nowhere. */
export default function NotFound() {
  const [at] = useLocation();
  usePage({ crumbs: [{ label: 'Not found' }] });
  return (
    <Empty page title="There is no such page">
      <p className="mono mb-4 break-all">{at}</p>
      <ButtonLink to="/fleet">Go to the fleet</ButtonLink>
    </Empty>
  );
}
