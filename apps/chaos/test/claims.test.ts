import { describeClaims } from "./support/describe-claims.js";

describeClaims("file");
