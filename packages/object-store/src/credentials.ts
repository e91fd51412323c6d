/** Keys to an account. Never part of a message. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** From when on they are refused. A provider is asked again ahead of it. */
  readonly expiration?: Date;
}
