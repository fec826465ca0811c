// What the program says to the person at the terminal; everything else goes to the log.
import Foundation

enum Console {
    static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
