namespace Connectors.Cli.Printing;

/// <summary>How far something long is: a line that is rewritten on a terminal; elsewhere a line of its own now and then.</summary>
internal sealed class ProgressLine(TextWriter error, TimeProvider time)
{
    private const string EraseToEnd = "\e[K";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly bool _isTerminal = !Console.IsErrorRedirected;
    private string _last = "";
    private long _told;

    public void Tell(string text)
    {
        if (text == _last || (!_isTerminal && _last.Length > 0 && time.GetElapsedTime(_told) < Interval))
        {
            return;
        }

        (_last, _told) = (text, time.GetTimestamp());
        error.Write(_isTerminal ? $"\r{text}{EraseToEnd}" : text + Environment.NewLine);
    }

    /// <summary>What follows begins on a new line.</summary>
    public void End()
    {
        if (_isTerminal && _last.Length > 0)
        {
            error.WriteLine();
        }

        _last = "";
    }
}
