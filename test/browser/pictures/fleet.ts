import { test } from '../watch';
import { picture } from './picture';

for (const view of ['list', 'map', 'changes'])
  test(`fleet, ${view}`, ({ page }) => picture(page, `fleet-${view}`, `/fleet?view=${view}`));
