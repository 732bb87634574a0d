using System.Text;

namespace Connectors.Provider.Running;

/// <summary>Splits a command into words at white space; single and double quotes keep words together, a backslash keeps the next character as it is.</summary>
internal static class CommandWords
{
    /// <summary>False if a quote is not closed.</summary>
    public static bool TrySplit(string command, out IReadOnlyList<string> words)
    {
        var all = new List<string>();
        var word = new StringBuilder();
        var isOpen = false;
        var quote = '\0';
        for (var i = 0; i < command.Length; i++)
        {
            var c = command[i];
            if (c == '\\' && quote != '\'' && i + 1 < command.Length)
            {
                word.Append(command[++i]);
                isOpen = true;
            }
            else if (quote != '\0')
            {
                Quoted(c);
            }
            else if (c is '\'' or '"')
            {
                quote = c;
                isOpen = true;
            }
            else if (char.IsWhiteSpace(c))
            {
                End();
            }
            else
            {
                word.Append(c);
                isOpen = true;
            }
        }

        End();
        words = all;
        return quote == '\0';

        void Quoted(char c)
        {
            if (c == quote)
            {
                quote = '\0';
            }
            else
            {
                word.Append(c);
            }
        }

        void End()
        {
            if (isOpen)
            {
                all.Add(word.ToString());
                word.Clear();
                isOpen = false;
            }
        }
    }
}
