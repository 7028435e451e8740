public import Interpreter
import Journal
import OrderedCollections

/// One page of an execution's history.
public struct HistoryPage: Sendable {
    public let events: [History.Event]
    /// Mark of the page after this one; nil on the last.
    public let next: String?

    public init(events: [History.Event], next: String?) {
        self.events = events
        self.next = next
    }
}

/// Who knows what happened to executions, event by event.
public protocol RunHistories: Sendable {
    /// A page of an execution's history. Throws `.notFound`, and `.invalid` for a mark that is none.
    ///
    /// - Parameters:
    ///   - limit: events a page, 1...1000.
    ///   - after: ``HistoryPage/next`` of the page before, or the id of the last event that is known.
    func history(_ id: String, isReversed: Bool, limit: Int, after mark: String?) async throws(EngineError)
        -> HistoryPage
}

extension Engine: RunHistories {
    /// Made from the journal: from the last place before the page where the execution is known, so that a page costs the
    /// same wherever it lies.
    public func history(_ id: String, isReversed: Bool, limit: Int, after mark: String?) async throws(EngineError)
        -> HistoryPage
    {
        let run = try await find(id)
        var last: Int?
        if let mark {
            guard let id = Int(mark), id > 0 else {
                throw EngineError(code: .invalid, message: "'\(mark)' is no mark of a page.")
            }
            last = id
        }
        // By the event's id and not by its place: seen from the end, places change while the execution goes on. Ids count
        // from 1 without gaps.
        let total = run.execution.eventCount
        let wanted: ClosedRange<Int>
        if isReversed {
            let end = min((last ?? total + 1) - 1, total)
            guard end > 0 else { return HistoryPage(events: [], next: nil) }
            wanted = max(1, end - limit + 1)...end
        } else {
            let first = (last ?? 0) + 1
            guard first <= total else { return HistoryPage(events: [], next: nil) }
            wanted = first...min(total, first - 1 + limit)
        }
        do {
            let start = try await historyPlace(of: run, before: wanted.lowerBound)
            let (events, places) = try await Self.events(
                wanted, from: start, journal, archived: archived?.id == run.execution.id ? archived?.rows ?? [] : [])
            for place in places { historyPlaces.keep(place) }
            if isReversed {
                return HistoryPage(
                    events: events.reversed(), next: wanted.lowerBound > 1 ? String(wanted.lowerBound) : nil)
            }
            return HistoryPage(events: events, next: wanted.upperBound < total ? String(wanted.upperBound) : nil)
        } catch let error as EngineError { throw error } catch {
            throw EngineError(code: .unavailable, message: "\(error)")
        }
    }

    /// Where the execution is known with fewer events than a page begins at: remembered, in a snapshot, or its beginning.
    private func historyPlace(of run: Run, before event: Int) async throws -> HistoryPlace {
        let execution = run.execution
        let remembered = historyPlaces.last(of: execution.id, before: event)
        if let remembered, event - remembered.execution.eventCount < HistoryPlaces.nearby { return remembered }
        // What has fewer events than this is nearer than any snapshot.
        if run.seq <= 1 || event <= HistoryPlaces.nearby { return remembered ?? .beginning(of: execution) }
        if let stored = try await journal.snapshot(
            of: execution.id, format: RunSnapshot.format, events: Int64(event - 1)),
            Int(stored.events) > remembered?.execution.eventCount ?? -1
        {
            do {
                let read = try RunSnapshot.read(stored.body)
                let definition = try await definition(read.start.definitionHash)
                let known = try read.execution(of: execution.id, definition.plan).execution
                return HistoryPlace(execution: known, nextSeq: stored.nextSeq)
            } catch is SnapshotError {
                // The rows have it all.
            }
        }
        return remembered ?? .beginning(of: execution)
    }

    /// Folds rows until the page is full. Away from the engine: it may be a lot.
    @concurrent private static func events(
        _ wanted: ClosedRange<Int>, from start: HistoryPlace, _ journal: Journal, archived: [StoredRow]
    ) async throws -> (events: [History.Event], places: [HistoryPlace]) {
        var place = start
        var events: [History.Event] = []
        // Pages told from the end begin here or earlier again.
        var places = [start]
        while place.execution.eventCount < wanted.upperBound {
            let rows =
                archived.isEmpty
                ? try await journal.rows(of: place.execution.id, from: place.nextSeq, limit: 200)
                : archived.filter { $0.seq >= place.nextSeq }
            guard !rows.isEmpty else { break }
            for row in rows {
                for effect in try Effect.decode(row.effects) {
                    let told = History.events(
                        of: effect, before: place.execution, at: max(place.execution.at, row.at))
                    events += told.filter { wanted.contains($0.id) }
                    place.execution.apply(effect, at: row.at)
                }
                place.nextSeq = row.seq + 1
                if place.execution.eventCount >= wanted.upperBound { break }
                // The page after this one may begin within the next row.
                places = [start, place]
            }
        }
        return (events, places)
    }
}

/// An execution as it was after so many rows.
struct HistoryPlace: Sendable {
    var execution: Execution
    var nextSeq: Int64

    /// Before its first row.
    static func beginning(of execution: Execution) -> HistoryPlace {
        HistoryPlace(execution: execution.beginning, nextSeq: 0)
    }
}

/// Where pages of histories were told from last: whoever reads one page will read the next.
struct HistoryPlaces {
    private struct Key: Hashable {
        let execution: String
        let events: Int
    }

    private var places: OrderedDictionary<Key, HistoryPlace> = [:]

    static let maximumCount = 16
    /// Folding so many events is no reason to ask for a snapshot.
    static let nearby = 2_000

    mutating func keep(_ place: HistoryPlace) {
        let key = Key(execution: place.execution.id, events: place.execution.eventCount)
        places.removeValue(forKey: key)
        places[key] = place
        if places.count > Self.maximumCount { places.removeFirst() }
    }

    func last(of execution: String, before event: Int) -> HistoryPlace? {
        places.filter { $0.key.execution == execution && $0.key.events < event }.max { $0.key.events < $1.key.events }?
            .value
    }
}
