import { fileURLToPath } from 'node:url';
import tailwind from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Relative, so that a server below a path only has to rewrite <base href>.
  base: './',
  plugins: [react(), tailwind()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    // The policy allows fonts from our own address only, and an inlined one is a data: URL.
    assetsInlineLimit: 0,
    // A polyfill would be an inline script.
    modulePreload: { polyfill: false },
    sourcemap: false,
    manifest: true,
    reportCompressedSize: false,
  },
  server: {
    proxy: { '/api': { target: process.env.LOCKSTEP_SERVER ?? 'http://127.0.0.1:7420' } },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}', 'fixtures/**/*.test.ts'],
    restoreMocks: true,
  },
});
