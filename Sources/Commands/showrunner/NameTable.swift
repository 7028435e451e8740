import SeededNumbers

/// Numbers for names, in the order of their first appearance. Names are bytes here: tables have millions of rows, and a
/// String for each would cost more than all the rest of the reading.
struct NameTable {
    private var arena: [UInt8] = []
    private var ends: [Int] = []
    /// Open addressing; 0 is free, else the number and 1.
    private var slots = [UInt32](repeating: 0, count: 1024)

    var count: Int { ends.count }

    init() {}

    init(_ names: [String]) {
        for name in names {
            let bytes = Array(name.utf8)
            _ = number(of: bytes, bytes.indices)
        }
    }

    /// A name's number, which is a new one for a new name.
    mutating func number(of bytes: [UInt8], _ range: Range<Int>) -> Int32 {
        if (ends.count + 1) * 2 > slots.count { grow() }
        let slot = slot(bytes, range)
        if slots[slot] > 0 { return Int32(slots[slot] - 1) }
        precondition(ends.count < Int32.max, "A table has more names than numbers.")
        arena += bytes[range]
        ends.append(arena.count)
        slots[slot] = UInt32(ends.count)
        return Int32(ends.count - 1)
    }

    /// A name's number; nil when it has none.
    func find(_ bytes: [UInt8], _ range: Range<Int>) -> Int32? {
        let found = slots[slot(bytes, range)]
        return found > 0 ? Int32(found - 1) : nil
    }

    /// All names, by their numbers.
    var names: [String] { (0..<count).map(name) }

    func name(_ number: Int) -> String { String(decoding: arena[bounds(number)], as: UTF8.self) }

    private func bounds(_ number: Int) -> Range<Int> { (number == 0 ? 0 : ends[number - 1])..<ends[number] }

    /// Where a name is, or would go.
    private func slot(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var hash = FNV1a(bytes[range]).value
        hash ^= hash >> 32
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] > 0 {
            let bounds = bounds(Int(slots[slot]) - 1)
            if bounds.count == range.count, arena[bounds].elementsEqual(bytes[range]) { break }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for number in 0..<count { slots[slot(arena, bounds(number))] = UInt32(number + 1) }
    }
}
