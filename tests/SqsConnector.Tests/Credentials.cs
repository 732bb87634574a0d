using System.Runtime.CompilerServices;

namespace Connectors.Sqs.Tests;

/// <summary>Credentials for what runs inside the test process; the server takes any.</summary>
internal static class Credentials
{
    public const string Key = "AKIDEXAMPLE";
    public const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    [ModuleInitializer]
    internal static void Set()
    {
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", Key);
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", Secret);
    }
}
