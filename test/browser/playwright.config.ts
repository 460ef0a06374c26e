import { defineConfig } from '@playwright/test';

// Chromium's sandbox cannot be set up by root, which is who runs in most containers.
const args = ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];

export default defineConfig({
  testDir: '.',
  outputDir: '../.out/browser',
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  retries: 0,
  timeout: 45_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    launchOptions: { executablePath: process.env.LOCKSTEP_CHROMIUM, args },
    viewport: { width: 1440, height: 900 },
    screenshot: 'only-on-failure',
    actionTimeout: 15_000,
  },
  projects: [
    // No tests: pictures for the pages of docs/, by test/screenshots.sh.
    { name: 'pictures-fleet', testMatch: 'pictures/fleet.ts' },
    { name: 'pictures-pages', testMatch: 'pictures/pages.ts', dependencies: ['doors'] },
    { name: 'fleet', testMatch: 'fleet.spec.ts' },
    { name: 'measure', testMatch: 'measure.spec.ts', dependencies: ['fleet'] },
    { name: 'doors', testMatch: 'pages/*.setup.ts' },
    { name: 'pages', testMatch: 'pages/*.spec.ts', dependencies: ['doors'] },
  ],
});
