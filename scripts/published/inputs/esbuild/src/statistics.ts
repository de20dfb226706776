export interface Reading { day: string; level: number }
export const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
export const mean = (readings: Reading[]): number => sum(readings.map((r) => r.level)) / (readings.length || 1);
export const unused = () => { throw new Error("shaken off") };
