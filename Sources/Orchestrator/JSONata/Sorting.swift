/// `^(a, >b)` as a step of a path.
final class SortNode: Node, @unchecked Sendable {
    let terms: [(expression: Node, isDescending: Bool)]

    init(_ terms: [(expression: Node, isDescending: Bool)], _ position: Int) {
        self.terms = terms
        super.init(position)
    }

    override var typeName: String { "sort" }

    func sort(_ input: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> Value {
        let keyed = try input.items.map { (item) throws(Failure) in
            (item, try keys(item, frame, runtime))
        }
        let sorted = try MergeSort.sort(keyed, runtime) { (a, b) throws(Failure) in try self.isAfter(a.1, b.1) }
        return try runtime.array(sorted.map(\.0), isSequence: true)
    }

    func sortTuples(_ tuples: [Tuple], _ frame: Frame, _ runtime: Runtime) throws(Failure) -> [Tuple] {
        let keyed = try tuples.map { (tuple) throws(Failure) in
            (tuple, try keys(tuple.item, tuple.frame(in: frame), runtime))
        }
        return try MergeSort.sort(keyed, runtime) { (a, b) throws(Failure) in try self.isAfter(a.1, b.1) }.map(\.0)
    }

    /// What each term gives for an item, evaluated once.
    private func keys(_ item: Value, _ frame: Frame, _ runtime: Runtime) throws(Failure) -> [Value] {
        try runtime.charge(terms.count * MemoryLayout<Value>.stride)
        var keys: [Value] = []
        for term in terms { keys.append(try term.expression.evaluate(item, frame, runtime)) }
        return keys
    }

    private func isAfter(_ left: [Value], _ right: [Value]) throws(Failure) -> Bool {
        for (index, term) in terms.enumerated() {
            let a = left[index]
            let b = right[index]
            // Nothing comes last, whichever way the order goes.
            if a.isUndefined {
                if b.isUndefined { continue }
                return true
            }
            if b.isUndefined { return false }
            switch (a, b) {
            case (.number(let x), .number(let y)):
                if x == y { continue }
                return (x < y) == term.isDescending
            case (.string(let x), .string(let y)):
                if x.sameCodeUnits(as: y) { continue }
                return x.precedes(y) == term.isDescending
            case (.number, .string), (.string, .number):
                throw Failure("T2007", position: position, value: a, details: .init(value2: b))
            default:
                let isLeft = if case .number = a { true } else if case .string = a { true } else { false }
                throw Failure("T2008", position: position, value: isLeft ? b : a)
            }
        }
        return false
    }
}

/// A stable sort whose order can fail.
enum MergeSort {
    static func sort<Element>(
        _ elements: [Element], _ runtime: Runtime, isAfter: (Element, Element) throws(Failure) -> Bool
    ) throws(Failure) -> [Element] {
        var source = elements
        var width = 1
        while width < source.count {
            var merged: [Element] = []
            merged.reserveCapacity(source.count)
            var start = 0
            while start < source.count {
                let middle = min(start + width, source.count)
                let end = min(start + 2 * width, source.count)
                var left = start
                var right = middle
                while left < middle, right < end {
                    try runtime.step()
                    if try isAfter(source[left], source[right]) {
                        merged.append(source[right])
                        right += 1
                    } else {
                        merged.append(source[left])
                        left += 1
                    }
                }
                merged.append(contentsOf: source[left..<middle])
                merged.append(contentsOf: source[right..<end])
                start = end
            }
            source = merged
            width *= 2
        }
        return source
    }
}
