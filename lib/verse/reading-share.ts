/**
 * Share from which a reading is common. Rarer ones are not used for writing. Poets break the pattern in up to 9 of 100
 * places with some characters that have one reading only (已 未 可), so that a smaller share proves nothing; and readers
 * stumble over 长 (.11) and 相 (.14) in an oblique tone.
 */
export const COMMON = 0.15;
