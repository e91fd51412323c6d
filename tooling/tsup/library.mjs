import { defineConfig } from "tsup";

/** The one way in which every package is built: ESM with declarations and source maps. `entry` maps output names to sources. */
export const library = (entry, more = {}) =>
  defineConfig({
    entry,
    format: ["esm"],
    target: "node20",
    platform: "node",
    dts: true,
    sourcemap: true,
    clean: true,
    splitting: true,
    treeshake: true,
    ...more,
  });
