# Reads a JSON Lines log from a file, groups and counts, writes a report; then some work for the interpreter.
require "json"
require "set"

events = File.foreach("/events.jsonl").map { |line| JSON.parse(line, symbolize_names: true) }
by_kind = events.group_by { |event| event[:kind] }.transform_values do |list|
  { count: list.size, total: list.sum { |event| event[:bytes] }, users: list.map { |event| event[:user] }.to_set.sort }
end
File.write("/report.json", JSON.pretty_generate(by_kind) + "\n")

queens = lambda do |n, row = 0, columns = 0, left = 0, right = 0|
  return 1 if row == n
  free = ~(columns | left | right) & ((1 << n) - 1)
  count = 0
  while free != 0
    bit = free & -free
    free ^= bit
    count += queens.(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
  end
  count
end
pi = lambda do |digits|
  q, r, t, k, n, l = 1, 0, 1, 1, 3, 3
  text = +""
  until text.size == digits
    if 4 * q + r - t < n * t
      text << n.to_s
      q, r, n = 10 * q, 10 * (r - n * t), ((10 * (3 * q + r)) / t) - 10 * n
    else
      q, r, t, k, n, l = q * k, (2 * q + r) * l, t * l, k + 1, (q * (7 * k + 2) + r * l) / (t * l), l + 2
    end
  end
  text
end

puts RUBY_VERSION
puts "queens #{queens.(7)}"
puts "pi #{pi.(100)}"
puts events.map { |event| event[:user] }.tally.sort_by { |user, count| [-count, user] }.map { |user, count| "#{user}=#{count}" }.join(" ")
puts File.read("/events.jsonl").scan(/"path":"([^"]+)"/).flatten.uniq.sort.map { |path| path.tr("a-z", "n-za-m") }.join(",")
