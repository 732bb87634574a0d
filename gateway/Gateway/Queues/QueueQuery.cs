using System.Globalization;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Queues;

/// <summary>What the Queues API's queries may say.</summary>
internal static class QueueQuery
{
    /// <summary>Most items of a page, of calls and of functions too.</summary>
    public const int MaxItems = 1000;

    private const int DefaultItems = 100;

    public static readonly string FunctionRule = $"function: a function's name, or name.namespace, neither part longer than {FunctionName.MaxQueuedLength} characters.";

    public static readonly string PageRule = $"limit: 1 to {MaxItems}; after: the number that the page before gave as next.";

    /// <summary>False if it names no function; null for none given.</summary>
    public static bool TryFunction(HttpContext http, string defaultNamespace, out FunctionName? function) =>
        TryFunction(http.Request.Query["function"].ToString(), defaultNamespace, out function);

    /// <summary>The same of a text. What is too long for a subject is refused as well: over it the server would end the connection, and with it what others wait for.</summary>
    public static bool TryFunction(string? text, string defaultNamespace, out FunctionName? function)
    {
        function = string.IsNullOrEmpty(text) ? null : FunctionName.Parse(text, defaultNamespace);
        return function is null or { IsValid: true, IsShort: true };
    }

    /// <summary>A page of what has numbers: at most how many, as <see cref="TryLimit"/> has it, and behind which; 0 where nothing is given. False for what is none.</summary>
    public static bool TryPage(HttpContext http, out int limit, out ulong after)
    {
        var isNumber = TryNumber(http.Request.Query["after"], 0, out after);
        return TryLimit(http, out limit) && isNumber;
    }

    /// <summary>How many items a page has at most, from 1 to <see cref="MaxItems"/>; 100 where nothing is given. False for what is no such number.</summary>
    public static bool TryLimit(HttpContext http, out int limit)
    {
        var isNumber = TryNumber(http.Request.Query["limit"], DefaultItems, out var number) && number is >= 1 and <= MaxItems;
        limit = isNumber ? (int)number : DefaultItems;
        return isNumber;
    }

    /// <summary>False for what is no number; <paramref name="fallback"/> for none given.</summary>
    public static bool TryNumber(string? text, ulong fallback, out ulong number)
    {
        number = fallback;
        return string.IsNullOrEmpty(text) || (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < ulong.MaxValue);
    }
}
