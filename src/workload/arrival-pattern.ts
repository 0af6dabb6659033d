/** How agents arrive. */
export interface ArrivalPattern {
  readonly kind: 'periodic' | 'batch' | 'event-driven';
}
