/** Environment variable that replaces the target URL in the script. */
export const K6_TARGET_VARIABLE = 'TARGET_URL';
/** Environment variable that carries the credential: it is never written into the script. */
export const K6_KEY_VARIABLE = 'TARGET_API_KEY';
