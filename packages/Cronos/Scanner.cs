namespace Cronos;

/// <summary>Reads an expression from left to right.</summary>
internal sealed class Scanner(string text)
{
    private int _at;

    public bool IsAtEnd => _at == text.Length;

    private char Current => IsAtEnd ? '\0' : text[_at];

    /// <summary>Takes the character if it comes next, in either case.</summary>
    public bool Accept(char character)
    {
        if (IsAtEnd || char.ToUpperInvariant(Current) != character)
        {
            return false;
        }

        _at++;
        return true;
    }

    /// <summary>Takes blanks and tabs. Returns whether there were any.</summary>
    public bool SkipSpace()
    {
        var before = _at;
        while (Current is ' ' or '\t')
        {
            _at++;
        }

        return _at > before;
    }

    public string Rest() => text[_at..].TrimEnd(' ', '\t');

    /// <summary>A name of the field, or a number of one or two digits.</summary>
    public int Value(Field field)
    {
        if (char.IsAsciiLetter(Current) && _at + 3 <= text.Length)
        {
            var name = text.Substring(_at, 3).ToUpperInvariant();
            var index = Array.IndexOf(field.Names, name);
            if (index >= 0)
            {
                _at += 3;
                return field.NamesFrom + index;
            }
        }

        return Number(field, field.First, field.Last);
    }

    public int Number(Field field, int least, int most)
    {
        var start = _at;
        while (char.IsAsciiDigit(Current))
        {
            _at++;
        }

        var digits = text[start.._at];
        return digits.Length is 1 or 2 && int.Parse(digits) is var number && number >= least && number <= most
            ? number
            : throw new CronFormatException($"{field}: a number from {least} to {most} is expected at \"{text[start..]}\".");
    }

    public CronFormatException Unexpected(Field? field = null)
    {
        var what = IsAtEnd ? "unexpected end" : $"unexpected character '{Current}' at position {_at}";
        return new CronFormatException(field is null ? $"\"{text}\": {what}." : $"{field}: {what}.");
    }
}
