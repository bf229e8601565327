/**
 * Share from which a reading is common. Rarer ones are not used for writing. Poets break the pattern in up to 9 of 100
 * places with some characters that have one reading only (已 未 可), so that a smaller share proves nothing.
 */
export const COMMON = 0.1;
