using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Contracts;

/// <summary>How often a function was called since the gateway started; the gateway counts.</summary>
public delegate double InvocationCount(FunctionName function);
