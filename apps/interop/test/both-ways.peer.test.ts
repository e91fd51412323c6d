import { fileBackend } from "./support/backends.js";
import { describeBothWays } from "./support/both-ways.js";

describeBothWays(fileBackend);
