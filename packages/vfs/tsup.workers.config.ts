import { defineConfig, type Options } from "tsup";
import { library } from "../../tooling/tsup/library.mjs";
import { thirdParty } from "./third-party.mjs";

/**
 * A worker with all that it needs in it: finding, reading and linking some hundred modules takes longer than the work
 * that a cold start has to do. The SDK's client stays in a file of its own, which shares nothing with the others: what is
 * shared would be split off, and loaded in many pieces.
 */
const bundle = (name: string, more: Options = {}): Options => {
  const options = { dts: false, clean: false, treeshake: false, noExternal: [/./], minifyWhitespace: true, minifySyntax: true, ...more };
  return library({ [name]: `src/${name}.ts` }, options) as Options;
};

type Plugins = NonNullable<Options["esbuildPlugins"]>;

const clientApart: Plugins[number] = {
  name: "client-apart",
  setup(build) {
    build.onResolve({ filter: /\/s3-client\.js$/ }, () => ({ path: "./s3-client.js", external: true }));
  },
};

export default defineConfig([
  bundle("io-worker", { esbuildPlugins: [clientApart, thirdParty] }),
  bundle("s3-client", { splitting: false, esbuildPlugins: [thirdParty] }),
  bundle("sqlite-worker", { esbuildPlugins: [thirdParty] }),
]);
