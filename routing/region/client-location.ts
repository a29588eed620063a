/** Where a request comes from, as the platform tells it (`request.cf`); every field may be missing. */
export interface ClientLocation {
  /** IATA code of the data centre. */
  readonly colo?: string;
  /** ISO 3166 alpha-2, upper case. */
  readonly country?: string;
  /** Two letters: AF AN AS EU NA OC SA. */
  readonly continent?: string;
  /** Degrees. */
  readonly latitude?: number;
  readonly longitude?: number;
}
