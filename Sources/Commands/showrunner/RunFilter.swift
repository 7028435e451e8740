import ArgumentParser
import EngineClient
import Glibc
import JSON
import StatesLanguage

/// Which runs are meant, of the latest ones.
struct RunFilter: ParsableArguments {
    /// Runs that are looked through for what the engine does not narrow by itself.
    static let mostSearched = 10_000
    private static let pageSize = 500

    @Option(help: "Only runs of this machine.")
    var machine: String?
    @Option(help: "Only runs that were started within so long: 30m, 24h or 7d.")
    var since: String?
    @Option(help: "Only runs that have this in title, name, id, error or cause.")
    var search: String?

    func validate() throws {
        if let since, Self.seconds(since) == nil {
            throw ValidationError("--since is '\(since)'; it has to be minutes, hours or days, such as 30m, 24h or 7d")
        }
    }

    /// Whether anything is asked that the engine's list does not narrow by.
    var isSearch: Bool { since != nil || search != nil }

    /// So many minutes, hours or days, in seconds; nil for anything else.
    static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (1...100_000).contains(count)
        else { return nil }
        return count * unit
    }

    /// The address of a page of the engine's list.
    func page(status: String?, limit: Int, before: String? = nil) -> String {
        var query = "limit=\(limit)"
        if let machine {
            // The list takes a name, or an ARN: of a version or an alias only that.
            let named = machine.contains(":") ? MachineArgument.arn(of: machine) : machine
            query += "&machine=\(EngineClient.segment(named))"
        }
        if let status { query += "&status=\(status.uppercased())" }
        if let before { query += "&before=\(EngineClient.segment(before))" }
        return "/console/api/runs?\(query)"
    }

    /// The latest runs that are meant, as the console's list has them.
    ///
    /// - Parameters:
    ///   - limit: at most so many.
    ///   - now: from when `since` counts back, in seconds since 1970.
    ///   - isMeant: what else is asked of each.
    func find(
        _ client: EngineClient, status: String?, limit: Int, now: Int64 = Int64(time(nil)),
        where isMeant: (JSON) -> Bool = { _ in true }
    ) async throws -> [JSON] {
        let earliest = since.flatMap(Self.seconds).map { (now - $0) * 1_000_000 }
        var found: [JSON] = []
        var looked = 0
        var before: String?
        repeat {
            let page = try await client.get(page(status: status, limit: Self.pageSize, before: before))
            let runs = page["items"]?.arrayValue ?? []
            for run in runs {
                // All that follow were started even earlier.
                if let earliest, let start = run["startDate"]?.stringValue.flatMap(Timestamp.microseconds(rfc3339:)),
                    start < earliest
                {
                    return found
                }
                guard matches(run), isMeant(run) else { continue }
                found.append(run)
                if found.count == limit { return found }
            }
            looked += runs.count
            before = page["next"]?.stringValue
        } while before != nil && looked < Self.mostSearched
        return found
    }

    /// To be asked where no run is found: a misspelt machine has none, and that would look as if all were well.
    ///
    /// The list knows more names than there are machines: aliases, `MACHINE/LABEL` for the children of a Map, and machines
    /// that are gone, whose runs are still there.
    func requireMachine(_ client: EngineClient) async throws(EngineClientError) {
        guard let machine else { return }
        let listed = try await client.get(page(status: nil, limit: 1))
        guard listed["items"]?.arrayValue?.isEmpty ?? true else { return }
        let arn = String(MachineArgument.arn(of: machine).prefix { $0 != "/" })
        // Behind the name stands a version's number or an alias, which has something other than digits in it.
        let parts = arn.split(separator: ":")
        let isAlias = parts.count == 8 && Int(parts[7]) == nil
        _ = try await client.call(
            isAlias ? "DescribeStateMachineAlias" : "DescribeStateMachine",
            [isAlias ? "stateMachineAliasArn" : "stateMachineArn": .string(arn)])
    }

    private func matches(_ run: JSON) -> Bool {
        guard let search else { return true }
        let words = ["title", "name", "id", "error", "cause"].compactMap { run[$0]?.stringValue }
        return words.contains { $0.lowercased().contains(search.lowercased()) }
    }
}
