import JSON
import Journal

extension Machine {
    /// The newest version that was published of a revision.
    func version(of revision: Revision) -> Version? {
        versions.values.last { $0.revision.id == revision.id }
    }

    /// Publishes the current revision. One that is published already keeps its version and description.
    mutating func publish(description: String?, at instant: Int64) -> Version {
        if let published = version(of: current) { return published }
        let version = Version(number: nextVersion, revision: current, description: description, createdAt: instant)
        versions[version.number] = version
        nextVersion += 1
        return version
    }
}

extension Engine {
    /// Versions of one machine, and aliases.
    static let versionsLimit = 1_000
    static let aliasesLimit = 100

    /// Publishes a machine's current revision as its next version.
    ///
    /// - Parameter revisionID: the revision that has to be the current one; `INITIAL` for that of the machine's making.
    ///   Throws `.conflict` where it is not.
    public func publishVersion(of arn: String, revisionID: String?, description: String?) async throws(EngineError)
        -> VersionView
    {
        try requireReady()
        try checkDescription(description)
        _ = try unqualified(arn)
        return try await changingRegistry { () async throws(EngineError) in
            var machine = try unqualified(arn)
            if machine.isDeleting { throw isDeleting(machine) }
            let current = machine.current.wireID ?? "INITIAL"
            if let revisionID, revisionID != current {
                throw EngineError(
                    code: .conflict,
                    message: "Failed to publish the State Machine version for revision \(revisionID). "
                        + "The current State Machine revision is \(current).")
            }
            try checkRoom(for: machine)
            let version = machine.publish(description: description, at: now)
            try await save(machine, version: version)
            return VersionView(arn: machine.arn(of: version), createdAt: version.createdAt)
        }
    }

    /// Throws `.quotaExceeded` when no further version finds room.
    func checkRoom(for machine: Machine) throws(EngineError) {
        guard machine.versions.count < Self.versionsLimit || machine.version(of: machine.current) != nil else {
            throw EngineError(
                code: .quotaExceeded, message: "The machine has \(Self.versionsLimit) versions, which is the limit.")
        }
    }

    /// Removes a version; one that is not there is no error. Throws `.conflict` while an alias leads to it.
    public func deleteVersion(_ arn: String) async throws(EngineError) {
        try requireReady()
        guard case .version(let name, let number) = try ResourceName(arn: arn) else {
            throw EngineError.invalidARN("Resource type not valid in this context: stateMachine")
        }
        try await changingRegistry { () async throws(EngineError) in
            guard var machine = machines[name], machine.versions[number] != nil else { return }
            let users = machine.aliases.values.filter { $0.routes.contains { $0.version == number } }
            guard users.isEmpty else {
                throw EngineError(
                    code: .conflict,
                    message: "Version to be deleted must not be referenced by an alias. Current list of aliases "
                        + "referencing this version: [\(users.map(\.name).joined(separator: ", "))]")
            }
            try await written { try await journal.deleteVersion(machine: name, number: Int64(number)) }
            machine.versions[number] = nil
            machines[name] = machine
        }
    }

    /// A machine's versions, the newest first.
    public func listVersions(of arn: String, limit: Int, after mark: String?) throws(EngineError) -> Page<VersionView> {
        try requireReady()
        let machine = try unqualified(arn)
        let last = try mark.map { (mark) throws(EngineError) in try number(mark) }
        let numbers = machine.versions.keys.filter { number in last.map { number < $0 } ?? true }.sorted(by: >)
        let page = numbers.prefix(limit)
        return Page(
            items: page.compactMap { machine.versions[$0] }.map {
                VersionView(arn: machine.arn(of: $0), createdAt: $0.createdAt)
            }, next: numbers.count > limit ? page.last.map(String.init) : nil)
    }

    private func number(_ mark: String) throws(EngineError) -> Int {
        guard let number = Int(mark) else {
            throw EngineError(code: .invalid, message: "'\(mark)' is no mark of a page.")
        }
        return number
    }
}
