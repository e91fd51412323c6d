// Sets everything up and runs the demo, the tests, a proof or the bench, on a machine that has only Node and npm:
//   node tooling/bootstrap.mjs demo [options of the demo]
//   node tooling/bootstrap.mjs test [options of turbo run, such as --filter=@headwater/ltx]
//   node tooling/bootstrap.mjs prove [NAME] [--rounds N] [--seed S]
//   node tooling/bootstrap.mjs bench [options of the bench: apps/bench/README.md]
//   node tooling/bootstrap.mjs setup           installs and builds, no more
//   node tooling/bootstrap.mjs pnpm ARGUMENTS  runs the pnpm that belongs to this workspace
// This file keeps to what very old versions of Node understand, so that they can say what is wrong.

var required = [20, 19];
var version = process.versions.node.split(".").map(Number);

if (version[0] < required[0] || (version[0] === required[0] && version[1] < required[1])) {
  console.error(
    "Headwater needs Node " + required.join(".") + " or newer; this is Node " + process.versions.node + ", " + process.execPath,
  );
  console.error("Install a newer one from https://nodejs.org and try again.");
  process.exit(1);
}

import("./bootstrap/main.mjs")
  .then((main) => main.run(process.argv.slice(2)))
  .then(
    (status) => {
      process.exitCode = status;
    },
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
