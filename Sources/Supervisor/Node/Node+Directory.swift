// A runtime directory that somebody removed under the running node: it is made again, or it is said that commands do
// not reach the node any more. Serving goes on either way.
import Logging

extension Node {
    func tendDirectory() {
        guard admin != nil, end == nil, !directory.isWhole else { return }
        let gone = "runtime directory \(directory.path) was removed"
        do throws(Failure) {
            if !directory.isOurs { try directory.makeAgain() }
            replaceAdmin(try AdminPort.listen(in: directory))
            directory.writePIDFile()
            directoryTrouble = nil
            log.error("\(gone), and made again; a reload lets its workers be adopted again")
        } catch {
            let text = "\(gone), and cannot be made again (\(error)): commands do not reach this node, signals do"
            if directoryTrouble != text { log.error("\(text)") }
            directoryTrouble = text
        }
    }
}
