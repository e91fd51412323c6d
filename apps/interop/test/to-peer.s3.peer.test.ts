import { s3Backend } from "./support/backends.js";
import { describeToPeer } from "./support/to-peer.js";

describeToPeer(s3Backend);
