import { Empty } from '@/parts/empty';

export default function Login() {
  return <Empty title="Sign in" />;
}
