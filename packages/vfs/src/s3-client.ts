// The SDK's client for the I/O worker, which loads it when something is first written.
export { SdkClient } from "@headwater/object-store/s3-client";
