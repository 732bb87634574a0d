using Microsoft.Win32.SafeHandles;

namespace Connectors.Cli.Printing;

/// <summary>
/// Where results go. The console's own stream takes whatever is written to a pipe that nobody reads any more, as after <c>| head</c>, and the command would go on
/// asking the gateway for it: a pipe is written to here, and its end ends the command.
/// </summary>
internal static class StandardOutput
{
    private const int Descriptor = 1;

    // EPIPE: what the system said of a write is the exception's code.
    private const int BrokenPipe = 32;

    /// <summary>For text.</summary>
    public static TextWriter Text() => Console.IsOutputRedirected && Pipe() is { } pipe ? new StreamWriter(pipe, Console.Out.Encoding) { AutoFlush = true } : Console.Out;

    /// <summary>For bytes.</summary>
    public static Stream Bytes() => Console.IsOutputRedirected && Pipe() is { } pipe ? pipe : Console.OpenStandardOutput();

    /// <summary>Whether nobody reads any more.</summary>
    public static bool IsLeft(Exception fault) => fault is IOException { HResult: BrokenPipe };

    /// <summary>Says what is done, of several things perhaps that are to be done. That nobody reads it stops nothing.</summary>
    public static void Report(this TextWriter output, string text)
    {
        try
        {
            output.WriteLine(text);
        }
        catch (IOException fault) when (IsLeft(fault))
        {
            // It is done all the same, and what follows is.
        }
    }

    // Null for a file: there the console's stream is right, which writes behind what others write to it. Windows knows its handles by no number.
    private static FileStream? Pipe()
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        var stream = new FileStream(new SafeFileHandle(Descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        if (!stream.CanSeek)
        {
            return stream;
        }

        stream.Dispose();
        return null;
    }
}
