import { s3Backend } from "./support/backends.js";
import { describeFromPeer } from "./support/from-peer.js";

describeFromPeer(s3Backend);
