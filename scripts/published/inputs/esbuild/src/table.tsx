export default function table(rows: readonly (readonly [string, string])[]) {
  return <table>{rows.map(([day, level]) => <tr key={day}><td>{day}</td><td>{level}</td></tr>)}</table>;
}
