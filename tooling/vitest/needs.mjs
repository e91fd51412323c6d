import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/**
 * Suites that need something which a machine may not have. The file name says so: `test/x.s3.test.ts` needs an S3 server,
 * `test/x.s3.peer.test.ts` two things.
 * Where it is missing the suite is left out, and said so; in CI that counts as a failure (tooling/ci/count.mjs).
 */
export const NEEDS = [
  {
    need: "s3",
    what: "an S3 server",
    how: "set HEADWATER_TEST_S3_URL and AWS_*, for example: bash tooling/s3/radosgw.sh install && bash tooling/s3/radosgw.sh start .s3-test && set -a && . .s3-test/env",
    present: (_dir, env) => (env.HEADWATER_TEST_S3_URL ?? "") !== "",
  },
  {
    need: "peer",
    what: "the npm package litestream-vfs",
    how: "npm test installs it where the platform has a build of it (Linux and macOS)",
    present: (dir) => works(dir, "litestream-vfs", (peer) => existsSync(peer.getLoadablePath())),
  },
  {
    need: "native",
    what: "the npm package better-sqlite3",
    how: "npm test installs it; where no prebuilt binary can be had it needs a C++ compiler, make and python3",
    present: (dir) => works(dir, "better-sqlite3", (Database) => new Database(":memory:").close().open === false),
  },
];

/** The suites of the package in `dir` that can't run here, one entry per missing thing. */
export function missingSuites(dir, env = process.env) {
  const files = testFiles(path.join(dir, "test")).map((file) => path.relative(dir, file).split(path.sep).join("/"));
  return NEEDS.flatMap(({ need, what, how, present }) => {
    const affected = files.filter((file) => path.basename(file).split(".").slice(1, -2).includes(need));
    return affected.length === 0 || present(dir, env) ? [] : [{ need, what, how, files: affected }];
  });
}

function testFiles(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/**
 * A package whose native part failed to build or to download is still there, so only using it tells. It must be installed
 * in the folder or above: pnpm's NODE_PATH shows every package of the workspace to every other.
 */
function works(dir, name, use) {
  try {
    const installed = ancestors(dir).map((folder) => path.join(folder, "node_modules", name));
    return use(createRequire(path.join(dir, "package.json"))(installed.find((folder) => existsSync(folder))));
  } catch {
    return false;
  }
}

function ancestors(dir) {
  const parent = path.dirname(dir);
  return parent === dir ? [dir] : [dir, ...ancestors(parent)];
}
