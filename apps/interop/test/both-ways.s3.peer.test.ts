import { s3Backend } from "./support/backends.js";
import { describeBothWays } from "./support/both-ways.js";

describeBothWays(s3Backend);
