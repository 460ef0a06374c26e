import { fileURLToPath } from 'node:url';
import tailwind from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { fixtures } from './fixtures/plugin.ts';

export default defineConfig({
  // Relative, so that a server below a path only has to rewrite <base href>.
  base: './',
  plugins: [react(), tailwind(), fixtures()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    // The policy allows fonts from our own address only, and an inlined one is a data: URL.
    assetsInlineLimit: 0,
    // A polyfill would be an inline script.
    modulePreload: { polyfill: false },
    sourcemap: false,
    manifest: true,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What every list is made of is one file: as many small ones, each of them for those
        // pages that share it, it would be larger by a kilobyte.
        codeSplitting: {
          groups: [
            {
              name: 'list',
              test: /src\/(url|format|filter)\/|src\/parts\/(virtual-table|rows|status-mark|segments|cx)\.|src\/features\/fleet\/(params|news|news-chip|use-stacks|flow)\./,
            },
          ],
        },
      },
    },
  },
  server: {
    // Signing in, webhooks and the API are the server's.
    proxy: process.env.LOCKSTEP_FIXTURES
      ? {}
      : {
          '^/(api|auth|login|hooks|readyz)/?': {
            target: process.env.LOCKSTEP_SERVER ?? 'http://127.0.0.1:7420',
            xfwd: true,
          },
        },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}', 'fixtures/**/*.test.ts'],
    restoreMocks: true,
  },
});
