/** A certificate for `opendsr.mailer.example`, made for these tests; its private key was thrown away. */
export const CERTIFICATE: string = [
  '-----BEGIN CERTIFICATE-----',
  'MIIDRjCCAi6gAwIBAgIUSUtwF7kUiiFj0dqjNO4wcY4YbacwDQYJKoZIhvcNAQEL',
  'BQAwITEfMB0GA1UEAwwWb3BlbmRzci5tYWlsZXIuZXhhbXBsZTAeFw0yNjExMjIx',
  'MDAzMjVaFw0zNjExMTkxMDAzMjVaMCExHzAdBgNVBAMMFm9wZW5kc3IubWFpbGVy',
  'LmV4YW1wbGUwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQC6WfgF9cW8',
  'TgMEafwPSyAHI/eZDsaRR2z+jSJ3UieIj6kBSaYfIUwz1qPsGCg3p5wAuoCvQu0K',
  'fLHLo2PZbqTsSwke+078rkF2Dbzll8GHTKvaz+c1ztbrTOUzQ8pUhB4SMr6aKd5y',
  '6balGMhkxamZBuk+zDFyJArsymNCXw9inkki0GvFWTpQ0VOLO+yS/QayHmEXPT1V',
  'fauUNQVG81iv+8aQdlhQyBwqz2AXKdyxhEIo0ADtKE+Q2dzIakPMhQs+xPSRuE4m',
  'h5sSiqq5QXQ3UHtGHT+2tNRCtubDGfTDG2pSp1/iiknrPQmr+xomnxPd4SS3OHfc',
  'ewhH3iB7y3tTAgMBAAGjdjB0MB0GA1UdDgQWBBS97OZN4rVgNXfKlnTNviLPyf09',
  'tjAfBgNVHSMEGDAWgBS97OZN4rVgNXfKlnTNviLPyf09tjAPBgNVHRMBAf8EBTAD',
  'AQH/MCEGA1UdEQQaMBiCFm9wZW5kc3IubWFpbGVyLmV4YW1wbGUwDQYJKoZIhvcN',
  'AQELBQADggEBAGirx9PFTAkAfptc5OjIFJRAGz3wpIlQ7RppBxKAblL2cG8ZSgIj',
  'FGbtMzBZamgMxuDZyM36aHVLIUv4O6HQh48XyZ1uC3CuMr9HQ/RcrqGTKDJZjct1',
  'G75SWBl8QKF8zEBawhWZzQdRg+H9c2Dhg8vLft2q6IQud61kS3zQKPUYBKhXyPpi',
  'CgKTe0FwvSJqT07Z1QSygyF/+IDJwGoEEHcrwGfktpxjEt4Kp46xe4Z6k/3mPTzY',
  'E2YHNvbRV9QzLwd2/8hSkfSlBVB3/mP7KEXL2D9x50/fdytLjXBhBffpeRBSnkWp',
  'rtmBcIAgfOmVp0vJc5o8Z0Kwe72HIAF8MqE=',
  '-----END CERTIFICATE-----',
].join('\n')

/** What it was used to sign, before that. */
export const CERTIFIED: { readonly body: string; readonly signature: string } = {
  body: '{"subject_request_id":"a7551968-d5d6-4ab2-9831-815ac9017798","request_status":"pending"}',
  signature: [
    'erDtsadie+UofqiwFKUpe9MI4e1Zb043CM9BTL6OauRwOfiHbUDFHGQ5BUrJa2nEeUu0sHyhdFLTkhNk3yzqmu',
    'hagFXz6/VQCEn4XpGP+z40R6Fek4CJuIDiq4MW8pBX2O+eE/fmELF6JKdDWNTTQmcF7SeW7ttGRFeGdrEdZUZD',
    '9VfDXjsWitcYjrEB/3nO8mUi6VyczirzodSoV408dxoLVyvFxQaAZagtMuXwMURQ08WinqYRlFBl8FfrvhWbDZ',
    'ykIhwspvTesum2fCCbI0lT2YrMrX6vwaW6sCHK7uZ9QodfaHXvp0rXGlX1yIbdAUXSshf/UK6nnv0jMHGOPQ==',
  ].join(''),
}
