/** The organization every key belongs to, in error texts and headers. */
export const ORGANIZATION = 'org-simulated';
