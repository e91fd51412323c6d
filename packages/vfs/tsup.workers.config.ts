import { defineConfig, type Options } from "tsup";
import { library } from "../../tooling/tsup/library.mjs";
import { thirdParty } from "./third-party.mjs";

/**
 * Each worker is one file with all that it needs in it: finding, reading and linking some hundred modules takes longer than
 * the work that a cold start has to do. They are CommonJS, because Node starts such a worker without its loader for ES
 * modules (7 ms of CPU less), and because what a bundle of that kind imports on demand is run on demand.
 */
const bundle = (name: string, more: Options = {}): Options => {
  const options: Options = {
    format: ["cjs"],
    dts: false,
    clean: false,
    treeshake: false,
    splitting: false,
    shims: true,
    noExternal: [/./],
    minifyWhitespace: true,
    minifySyntax: true,
    ...more,
  };
  return library({ [name]: `src/${name}.ts` }, options) as Options;
};

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** The SDK's client stays in a file of its own, to be loaded by the first put. */
const clientApart: Plugin = {
  name: "client-apart",
  setup(build) {
    build.onResolve({ filter: /\/s3-client\.js$/ }, () => ({ path: "./s3-client.cjs", external: true }));
  },
};

export default defineConfig([
  bundle("io-worker", { esbuildPlugins: [clientApart, thirdParty] }),
  bundle("s3-client", { esbuildPlugins: [thirdParty] }),
  bundle("sqlite-worker", { esbuildPlugins: [thirdParty] }),
]);
