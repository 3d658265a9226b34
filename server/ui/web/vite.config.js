// The build is deterministic: hashed names, no absolute paths, nothing of this machine or this minute.
import { defineConfig } from "vite";

const api = process.env.HEARTH_API ?? "http://127.0.0.1:9090";

export default defineConfig({
  // Relative addresses, so that one build works below any route prefix.
  base: "./",
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
    // A data: address would need a hole in the Content-Security-Policy.
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": api, "/-/": api } },
});
